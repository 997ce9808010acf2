/* random.h - the runtime's own random numbers: the same for the same seed. */
#ifndef CS_RANDOM_H
#define CS_RANDOM_H

#include "runtime.h"

/* Begins anew. Any seed will do. */
void cs_random_seed(cs_runtime *rt, uint64_t seed);

/* A number from 0 to n - 1; n is not 0. */
uint32_t cs_random(cs_runtime *rt, uint32_t n);

#endif
