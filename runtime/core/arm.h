/* arm.h - one operation that a select may wait for, as an object.
 *
 * It never changes, and any number of selects may use it. Its user values are
 * what it waits for, and for on_send the value. */
#ifndef CS_ARM_H
#define CS_ARM_H

#include "channel.h"

enum { CS_ON_RECV, CS_ON_SEND, CS_ON_JOIN, CS_AFTER }; /* kinds */

typedef struct cs_arm_object {
  const void *type; /* cheaper to compare than a metatable */
  void *on;         /* its channel or task */
  uint64_t delay;
  int kind;
} cs_arm_object;

enum { CS_ARM_ON = 1, CS_ARM_VALUE }; /* user values */

/* The value at `index` as an arm, or NULL. */
const cs_arm_object *cs_to_arm(lua_State *L, int index);

/* Checks the argument of select, the table at 1: pushes its arms, and returns
 * their count. Raises. */
int cs_arms_read(lua_State *L, bool *biased);

/* Makes the functions that make them, in the module's table at 1. */
void cs_arms_open(lua_State *L);

#endif
