/* SPDX-License-Identifier: Apache-2.0 */
/* VMTP as a library: measures between two namespaces of this machine and prints the result document.
 *
 *     cc -o measure measure.c $(pkg-config --cflags --libs vmtp) && ./measure [SECONDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include <vmtp/vmtp.h>

static int show(void *arg, const struct vmtp_progress *progress)
{
    (void)arg;
    fprintf(stderr, "%6.1f s  %s\n", progress->elapsed_s, progress->what);
    return 0; /* anything else would interrupt the run */
}

int main(int argc, char **argv)
{
    const char *const topologies[] = {"namespace", NULL};
    struct vmtp_options options = VMTP_OPTIONS_INIT;
    options.topologies = topologies;
    options.protocols = "TI";
    options.time = argc > 1 ? (int32_t)strtol(argv[1], NULL, 10) : 1;
    options.progress = show;

    char *json = NULL, *error = NULL;
    int code = vmtp_run(&options, &json, &error);
    if (error)
        fprintf(stderr, "measure: %s\n", error);
    if (json)
        puts(json);
    vmtp_free(json);
    vmtp_free(error);
    return code;
}
