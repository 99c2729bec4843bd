/* validate.h - is a file what it is said to be?  Asked before it gets its name. */
#ifndef NET_VALIDATE_H
#define NET_VALIDATE_H
#include "base/err.h"

/* The extension for a file of the service: of the URL's last part when it is one that is known, else by the format ("nam", "ir",
 * "aida-x", "proteus"), else "bin".  Always one of a few constants. */
const char *validate_ext(const char *format, const char *url);

/* Read the file whole with the reader that will be used on it: models with nam_open(), audio with the audio reader, to
 * its last sample.  *as: "model" or "audio", or NULL for a kind that nothing here reads ("bin": any bytes but an HTML page).
 * -1: ERR_DAMAGED and why (or ERR_UNSUPPORTED: well formed, and of no use here; or ERR_IO, ERR_NOMEM). */
int validate_file(const char *path, const char *ext, const char **as, struct err *e);
#endif
