/* nam_tree.h - JSON that came from outside as a read-only tree; private to lib/nam.
 *
 * A model file is one small object around very long lists of numbers, and it may be hostile.  The
 * general JSON library takes 7 ms for 14,000 weights, where all else of a short run takes 3,
 * and up to 100 bytes for each byte of a file made of empty lists.  This reader takes 16 bytes a
 * value, counted before they are taken, and reads decimals to the nearest double as strtod()
 * does, most of them without it.
 *
 * The grammar is that of RFC 8259, with what the players do where it is open: text after the
 * value is ignored, a UTF-8 byte order mark is skipped; but of equal keys in one object players take
 * the first or the last, so that is an error here.  Strings have no NUL,
 * and bytes that are no UTF-8 are left in them, for whoever prints them to repair.  A number beyond
 * double is an error; nesting ends at NAM_TREE_DEPTH. */
#ifndef NAM_TREE_H
#define NAM_TREE_H
#include "base/err.h"
#include <stddef.h>

enum { NAM_TREE_DEPTH = 2048 };

struct nam_tree;    /* owns the values and strings of a text */
struct nam_value;   /* one value; all functions take NULL for one that is not there */

/* NULL and *e (what is wrong at which line and column) on failure.  text is copied. */
struct nam_tree *nam_tree_parse(const char *text, size_t len, struct err *e);
void nam_tree_free(struct nam_tree *t); /* NULL is fine */
const struct nam_value *nam_tree_root(const struct nam_tree *t);

/* A member of an object; NULL when there is none, or o is no object. */
const struct nam_value *nam_get(const struct nam_value *o, const char *key);
/* Entries of a list; 0 when v is no list. */
size_t nam_size(const struct nam_value *v);
/* Entry i; NULL past the end.  In time i when the list holds lists or objects, so
 * that a walk over all must go by nam_next(), which gives what stands behind v in its list; behind
 * the last of a list that is something else. */
const struct nam_value *nam_at(const struct nam_value *v, size_t i);
const struct nam_value *nam_next(const struct nam_value *v);

int nam_is_null(const struct nam_value *v);
int nam_is_bool(const struct nam_value *v);
int nam_is_true(const struct nam_value *v);
int nam_is_number(const struct nam_value *v);
int nam_is_list(const struct nam_value *v);
int nam_is_object(const struct nam_value *v);
double nam_number(const struct nam_value *v);       /* 0 when it is none */
const char *nam_string(const struct nam_value *v);  /* lives as long as the tree; NULL when it is none */

/* The decimal number at the start of s (JSON's grammar, s ends in NUL or anything that is no part of it) as
 * the nearest double, ties to even; *end is behind it, or s when there is none.  Infinite when too large. */
double nam_decimal(const char *s, const char **end);
#endif
