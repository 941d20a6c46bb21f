/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line of a terminal: what is measured, for how long, what is left, the last number. */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include "vmtp/vmtp.h"

/* Starts redrawing twice a second; does nothing when standard error is no terminal. */
void vmtp_progress_start(void);
void vmtp_progress_stop(void);

/* A progress callback of the run (struct vmtp_run). */
int vmtp_progress_show(void *arg, const struct vmtp_progress *progress);

#endif
