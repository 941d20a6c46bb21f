/* SPDX-License-Identifier: Apache-2.0 */
/* A PAM module that asks what it is told to, notes what it is answered, and lets nobody in: a hostile server.
 *   auth required .../pam-asks.so QUESTION-FILE ANSWERS-FILE
 * The few declarations that it takes of PAM are here, so that no header of it has to be installed. */
#include <stdio.h>
#include <string.h>

enum { PAM_PROMPT_ECHO_OFF = 1, PAM_CONV = 5, PAM_AUTH_ERR = 7, PAM_IGNORE = 25 };
struct pam_message {
    int style;
    const char *text;
};
struct pam_response {
    char *text;
    int unused;
};
struct pam_conv {
    int (*talk)(int n, const struct pam_message **messages, struct pam_response **responses, void *data);
    void *data;
};
int pam_get_item(const void *handle, int item, const void **value);
int pam_sm_authenticate(void *handle, int flags, int argc, const char **argv);
int pam_sm_setcred(void *handle, int flags, int argc, const char **argv);

int pam_sm_authenticate(void *handle, int flags, int argc, const char **argv)
{
    (void)flags;
    static char question[8192];
    const void *item = NULL;
    FILE *in = argc == 2 ? fopen(argv[0], "r") : NULL, *out = argc == 2 ? fopen(argv[1], "a") : NULL;
    if (!in || !out || pam_get_item(handle, PAM_CONV, &item) != 0)
        return PAM_AUTH_ERR;
    question[fread(question, 1, sizeof question - 1, in)] = '\0';
    const struct pam_conv *conv = item;
    const struct pam_message message = {PAM_PROMPT_ECHO_OFF, question}, *messages = &message;
    struct pam_response *response = NULL;
    if (conv->talk(1, &messages, &response, conv->data) == 0 && response && response->text)
        fprintf(out, "answer: %s\n", response->text);
    fclose(in);
    fclose(out);
    return PAM_AUTH_ERR;
}

int pam_sm_setcred(void *handle, int flags, int argc, const char **argv)
{
    (void)handle, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}
