/* shuffle.h - the order of ready tasks, at random: for tests. */
#ifndef CS_SHUFFLE_H
#define CS_SHUFFLE_H

#include "runtime.h"

/* Before each step: permutes what is ready, once for each batch. */
void cs_shuffle(cs_runtime *rt);

/* Gives the memory back. */
void cs_shuffle_end(cs_runtime *rt);

#endif
