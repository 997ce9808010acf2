/* describe.c - for the report of a deadlock, and for whoever looks at tasks. */
#include "describe.h"

#include <string.h>

void cs_push_wait(lua_State *L, const cs_task *task) {
  if (task->wait.ops->describe != NULL)
    task->wait.ops->describe(L, task);
  else
    lua_pushstring(L, task->wait.ops->name);
}

void cs_push_place(lua_State *L, lua_State *thread) {
  lua_Debug info;
  const char *looker = NULL;
  for (int level = 0; lua_getstack(thread, level, &info); level++) {
    lua_getinfo(thread, "Sl", &info);
    if (info.currentline <= 0) continue;
    if (thread == L && looker == NULL) looker = info.source;
    if (looker != NULL && strcmp(looker, info.source) == 0) continue;
    lua_pushfstring(L, "%s:%d", info.short_src, info.currentline);
    return;
  }
  lua_pushnil(L);
}
