/* A line that can be typed for each command: help and the manual page show it. */
#ifndef DSN_VCLI_WORDS_EXAMPLES_H
#define DSN_VCLI_WORDS_EXAMPLES_H

/* For a command by its words, such as "node list"; NULL: there is none. */
const char *example_of(const char *words);

#endif
