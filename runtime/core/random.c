/* random.c - splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
 * Number Generators, 2014). math.random is the script's: drawing from it here
 * would change what a script sees. */
#include "random.h"

void cs_random_seed(cs_runtime *rt, uint64_t seed) { rt->random = seed; }

static uint64_t next(cs_runtime *rt) {
  uint64_t z = rt->random += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/* The upper half of a product: no division, and no bias worth the name. */
uint32_t cs_random(cs_runtime *rt, uint32_t n) {
  return (uint32_t)(((next(rt) >> 32) * n) >> 32);
}
