/* licence.h - what the licences of the service mean for a file.
 *
 * The service's words are kept as they are; this says only whether the file itself may be passed on. */
#ifndef NET_LICENCE_H
#define NET_LICENCE_H

/* "yes", "non-commercial" or "no"; NULL when the word is unknown, which is to be read as "ask".  Verbatim copies are meant,
 * with the credit the licence asks for; "t3k" is the service's own, for use and not for passing on. */
const char *licence_redistribution(const char *word);
#endif
