/* request.c - who still has a request. */
#include "request.h"

#include <lauxlib.h>
#include <string.h>

static void free_if_alone(cs_request *request) {
  if (request->in_lua || request->in_loop) return;
  request->release(request);
  cs_free(request->rt, request, request->size);
}

static int box_gc(lua_State *L) {
  cs_request **box = lua_touserdata(L, 1);
  if (*box == NULL) return 0;
  (*box)->in_lua = false;
  free_if_alone(*box);
  *box = NULL;
  return 0;
}

cs_request *cs_request_new(lua_State *L, size_t size,
                           void (*release)(cs_request *request)) {
  cs_runtime *rt = cs_runtime_of(L);
  cs_request **box = lua_newuserdatauv(L, sizeof(cs_request *), 0);
  *box = NULL;
  cs_push_anchor(L, CS_REQUEST_META);
  lua_setmetatable(L, -2);
  cs_request *request = cs_alloc(rt, size);
  if (request == NULL) luaL_error(L, "not enough memory");
  memset(request, 0, size);
  request->rt = rt;
  request->size = size;
  request->in_lua = true;
  request->release = release;
  return *box = request;
}

void cs_request_started(cs_request *request, cs_task *task) {
  request->in_loop = true;
  request->task = task;
}

void cs_request_arrived(cs_request *request) {
  request->in_loop = false;
  if (request->task != NULL) cs_wake(request->task);
  request->task = NULL;
  free_if_alone(request);
}

void cs_request_open(lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, box_gc);
  lua_setfield(L, -2, "__gc");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_REQUEST_META);
}
