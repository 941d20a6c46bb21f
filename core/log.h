/* SPDX-License-Identifier: Apache-2.0 */
/* Log records on standard error and, when asked for, in a file. Safe to call from any thread. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "vmtp/plugin.h"

enum { VMTP_LOG_TEXT_MAX = 8192 }; /* bytes of a record; what is beyond is left out */

enum vmtp_log_level { VMTP_LOG_ERROR, VMTP_LOG_WARNING, VMTP_LOG_INFO, VMTP_LOG_DEBUG };

/* Records up to this level are shown. The start value is VMTP_LOG_INFO. */
void vmtp_log_set_level(enum vmtp_log_level level);
enum vmtp_log_level vmtp_log_get_level(void);

/* Sends records to a file too; it is truncated. A dash "-" or NULL closes it. */
int vmtp_log_open_file(vmtp_ctx *ctx, const char *path);

/* "YYYY-MM-DD HH:MM:SS,mmm LEVEL text", control characters made harmless. */
void vmtp_log(enum vmtp_log_level level, const char *fmt, ...) VMTP_PRINTF(2);
void vmtp_vlog(enum vmtp_log_level level, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

/* One line that is overwritten by the next one, shown on a terminal only; "" removes it. Log records keep it last. */
void vmtp_log_progress(const char *text);
bool vmtp_log_on_terminal(void);

#endif
