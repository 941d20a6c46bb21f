/* SPDX-License-Identifier: Apache-2.0 */
/* The schema engine: plugin options from text to struct, checked; and how they are shown. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/config.h"
#include "vmtp/plugin.h"

/* The i-th option of a plugin, walked with its stride; NULL past the end. */
const struct vmtp_option *vmtp_option_at(const struct vmtp_plugin *plugin, size_t i);

/* Copies the table of a plugin into entries of our size, over zeroes, and lets the plugin point to the copy: then every
 * member can be read, whatever stride the plugin was built with. The caller frees *copy; NULL: there is no table. */
int vmtp_options_adopt(vmtp_ctx *ctx, struct vmtp_plugin *plugin, struct vmtp_option **copy);

/* VMTP_EFAIL with words when the table breaks a rule of plugin.h (no help, wrong size, offset outside, bad default). */
int vmtp_options_verify(vmtp_ctx *ctx, const struct vmtp_plugin *plugin);

/* Converts text to the option's type, checks it, and stores it at field; a STRING field then points to text. False: why
 * says what is wrong with it, as the end of a sentence that begins with the option's name: "'x' is not a whole number".
 * The text of a SECRET option is not repeated. */
enum { VMTP_OPTION_WHY = 400 };
bool vmtp_option_store(const struct vmtp_option *option, const char *text, void *field, char why[VMTP_OPTION_WHY]);

/* Fills the plugin's option struct (opts_size bytes, allocated here): defaults, then the maps in order (each may be
 * NULL). STRING fields point into the maps and the plugin: both must outlive *opts. Ends with plugin->check. Unknown
 * names are VMTP_ECONFIG with the nearest one. A null in a map brings the default back. *opts is NULL when the plugin
 * has no option struct; free() it. */
int vmtp_options_fill(vmtp_ctx *ctx, const struct vmtp_plugin *plugin, const struct vmtp_node *const maps[], size_t n,
                      void **opts);

/* Whether a map alone is in order: names and values of its options, whatever else they may need. */
int vmtp_options_check(vmtp_ctx *ctx, const struct vmtp_plugin *plugin, const struct vmtp_node *map);

/* "NAME" of "NAME[:key=value,...]", in lower case unless it is a path (has a '/'); the caller frees it. VMTP_ECONFIG
 * for an empty or malformed name. */
int vmtp_spec_name(vmtp_ctx *ctx, const char *spec, const char *source, char **name);

/* The options of "NAME[:key=value,...]" as a map. In the value of a STRING a comma ends it only before `name=` of a
 * declared option, in others always; "\," is a comma, "\\" a backslash. A BOOL may stand without "=value". source is
 * the option as the user wrote it. */
int vmtp_spec_options(vmtp_ctx *ctx, const char *spec, const char *source, const struct vmtp_plugin *plugin,
                      struct vmtp_node **map);

/* The table of options for `vmtp plugin show`: type, range, default, help. */
void vmtp_options_print(FILE *out, const struct vmtp_plugin *plugin);

#endif
