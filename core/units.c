/* SPDX-License-Identifier: Apache-2.0 */
#include "core/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/str.h"

bool vmtp_parse_number(const char *text, double *value, const char **end)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*p) && *p != '.')
        return false; /* strtod also takes blanks, "nan" and "inf" */
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        return false;
    char *stop;
    double number = strtod_l(text, &stop, vmtp_c_locale());
    if (stop == text || !isfinite(number) || (!end && *stop))
        return false;
    if (end)
        *end = stop;
    *value = number;
    return true;
}

bool vmtp_parse_int(const char *text, int64_t *value)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*p))
        return false;
    errno = 0;
    char *stop;
    long long number = strtoll(text, &stop, 10);
    if (errno || *stop)
        return false;
    *value = number;
    return true;
}

/* A number with a decimal step, then one of the suffixes (a NULL-ended list; "" is always among them). */
static bool parse_scaled(const char *text, const char *const suffixes[], uint64_t *out)
{
    double number;
    const char *rest;
    if (*text == '-' || !vmtp_parse_number(text, &number, &rest))
        return false;
    static const char steps[] = "KMGT";
    const char *step = *rest ? strchr(steps, toupper((unsigned char)*rest)) : NULL;
    if (step) {
        number *= pow(1000, (double)(step - steps + 1));
        rest++;
    }
    bool known = *rest == '\0';
    for (size_t i = 0; suffixes[i] && !known; i++)
        known = strcasecmp(rest, suffixes[i]) == 0;
    if (!known || number > 9e18)
        return false;
    *out = (uint64_t)(number + 0.5);
    return true;
}

bool vmtp_parse_size(const char *text, uint64_t *bytes)
{
    static const char *const suffixes[] = {"B", "byte", "bytes", NULL};
    return parse_scaled(text, suffixes, bytes);
}

bool vmtp_parse_rate(const char *text, uint64_t *bps)
{
    static const char *const suffixes[] = {"bit/s", "bps", "bit", NULL};
    return parse_scaled(text, suffixes, bps);
}

bool vmtp_parse_seconds(const char *text, double *seconds)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"m", 60}, {"min", 60}, {"h", 3600}};
    double number;
    const char *rest;
    if (*text == '-' || !vmtp_parse_number(text, &number, &rest))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(rest, units[i].suffix) == 0) {
            *seconds = number * units[i].factor;
            return true;
        }
    }
    return false;
}

bool vmtp_parse_bool(const char *text, bool *value)
{
    static const char *const words[2][5] = {{"false", "no", "off", "0", NULL}, {"true", "yes", "on", "1", NULL}};
    for (int truth = 0; truth < 2; truth++) {
        for (size_t i = 0; words[truth][i]; i++) {
            if (strcasecmp(text, words[truth][i]) == 0) {
                *value = truth == 1;
                return true;
            }
        }
    }
    return false;
}

static int decimals_for(double value)
{
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

const char *vmtp_print_rate(double bps, char out[VMTP_UNIT_TEXT])
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    size_t unit = 0;
    while (bps >= 999.5 && unit < 4) {
        bps /= 1000;
        unit++;
    }
    snprintf(out, VMTP_UNIT_TEXT, "%.*f %s", unit == 0 ? 0 : decimals_for(bps), bps, units[unit]);
    return out;
}

const char *vmtp_print_seconds(double seconds, char out[VMTP_UNIT_TEXT])
{
    if (seconds < 1e-3)
        snprintf(out, VMTP_UNIT_TEXT, "%.1f us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(out, VMTP_UNIT_TEXT, "%.*f ms", decimals_for(seconds * 1e3), seconds * 1e3);
    else if (seconds < 99.5)
        snprintf(out, VMTP_UNIT_TEXT, "%.0f s", seconds);
    else if (seconds < 1e9)
        snprintf(out, VMTP_UNIT_TEXT, "%d min %02d s", (int)(seconds + 0.5) / 60, (int)(seconds + 0.5) % 60);
    else
        snprintf(out, VMTP_UNIT_TEXT, "%.3g s", seconds);
    return out;
}
