/* scope.c - links between scopes; what a cancellation does is in wait.c. */
#include "scope.h"

#include <assert.h>
#include <stddef.h>

static void link_newest(cs_scope *scope, cs_scope *parent) {
  scope->parent = parent;
  if (parent == NULL) return;
  scope->older = parent->newest;
  if (scope->older != NULL) scope->older->newer = scope;
  parent->newest = scope;
}

static void unlink_sibling(cs_scope *scope) {
  if (scope->newer != NULL)
    scope->newer->older = scope->older;
  else if (scope->parent != NULL)
    scope->parent->newest = scope->older;
  if (scope->older != NULL) scope->older->newer = scope->newer;
  scope->older = scope->newer = NULL;
}

void cs_scope_init(cs_scope *scope, cs_scope_kind kind) {
  *scope = (cs_scope){.kind = kind & 15};
}

void cs_scope_open(cs_scope *scope, cs_scope *parent) {
  if (parent != NULL && parent->cancelled && !scope->shield) {
    if (!scope->cancelled) scope->cancellation = parent->cancellation;
    scope->cancelled = true;
  }
  link_newest(scope, parent);
}

void cs_scope_renew(cs_scope *scope) {
  bool seen = scope->parent->cancelled && !scope->shield;
  scope->source = CS_NOT_CANCELLED;
  scope->cancelled = seen;
  scope->cancellation = seen ? scope->parent->cancellation : 0;
}

void cs_scope_close(cs_scope *scope) {
  assert(scope->newest == NULL);
  unlink_sibling(scope);
  scope->parent = NULL;
}

void cs_scope_move(cs_scope *scope, cs_scope *parent) {
  unlink_sibling(scope);
  link_newest(scope, parent);
}

cs_scope *cs_scope_first(cs_scope *root) {
  while (root->newest != NULL) root = root->newest;
  return root;
}

cs_scope *cs_scope_next(cs_scope *root, cs_scope *scope) {
  if (scope == root) return NULL;
  return scope->older != NULL ? cs_scope_first(scope->older) : scope->parent;
}

static cs_scope *first_below(cs_scope *scope) {
  while (scope->newest != NULL && !scope->shield && !scope->cancelled)
    scope = scope->newest;
  return scope;
}

cs_scope *cs_scope_first_reached(cs_scope *root) {
  return root->newest != NULL ? first_below(root->newest) : root;
}

cs_scope *cs_scope_next_reached(cs_scope *root, cs_scope *scope) {
  if (scope == root) return NULL;
  return scope->older != NULL ? first_below(scope->older) : scope->parent;
}
