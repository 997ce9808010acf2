/* report.h - a deadlock, in words. */
#ifndef CS_REPORT_H
#define CS_REPORT_H

#include "task.h"

void cs_report_open(lua_State *L);

/* Writes down who waits for what, for `run` to raise (CS_REPORT). If memory is
 * short, there is no report. */
void cs_report_deadlock(lua_State *L);

#endif
