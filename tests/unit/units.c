/* SPDX-License-Identifier: Apache-2.0 */
#include "core/units.h"

#include "tests/tap.h"

static void test_rates(void)
{
    uint64_t bps = 0;
    ok(vmtp_parse_rate("500M", &bps) && bps == 500000000, "500M is 500 * 10^6 bit/s, not 2^20");
    ok(vmtp_parse_rate("1.5g", &bps) && bps == 1500000000, "fractions and small letters");
    ok(vmtp_parse_rate("64kbit/s", &bps) && bps == 64000, "a unit may follow");
    ok(vmtp_parse_rate("0", &bps) && bps == 0, "0 is a rate");
    static const char *const wrong[] = {"",    "M",    "-1",  "1X",     "10 M",     "1e400",
                                        "nan", "0x10", "5MM", "1Mbyte", "20000000T"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ok(!vmtp_parse_rate(wrong[i], &bps), "'%s' is not a rate", wrong[i]);
}

static void test_seconds(void)
{
    double s = 0;
    ok(vmtp_parse_seconds("10", &s) && s == 10, "plain seconds");
    ok(vmtp_parse_seconds("200ms", &s) && s == 0.2, "milliseconds");
    ok(vmtp_parse_seconds("2m", &s) && s == 120, "minutes");
    ok(!vmtp_parse_seconds("-1", &s), "no negative time");
    ok(!vmtp_parse_seconds("abc", &s), "no words");
}

static void test_others(void)
{
    int64_t n = 0;
    bool b = false;
    uint64_t size = 0;
    ok(vmtp_parse_int("-42", &n) && n == -42, "negative integer");
    ok(!vmtp_parse_int("42x", &n) && !vmtp_parse_int("", &n) && !vmtp_parse_int("99999999999999999999", &n),
       "no garbage, nothing, overflow");
    ok(vmtp_parse_bool("Yes", &b) && b && vmtp_parse_bool("off", &b) && !b, "words of truth");
    ok(!vmtp_parse_bool("maybe", &b), "no other word");
    ok(vmtp_parse_size("64K", &size) && size == 64000, "sizes are decimal");
}

static void test_print(void)
{
    char text[VMTP_UNIT_TEXT];
    is(vmtp_print_rate(941000000, text), "941 Mbit/s", "hundreds");
    is(vmtp_print_rate(9412345678., text), "9.41 Gbit/s", "ones");
    is(vmtp_print_rate(999999999, text), "1.00 Gbit/s", "rounds up into the next unit");
    is(vmtp_print_rate(12, text), "12 bit/s", "no unit step");
    is(vmtp_print_rate(0, text), "0 bit/s", "nothing");
    is(vmtp_print_seconds(0.000231, text), "231.0 us", "microseconds");
    is(vmtp_print_seconds(0.0042, text), "4.20 ms", "milliseconds");
    is(vmtp_print_seconds(200, text), "3 min 20 s", "minutes");
    is(vmtp_print_seconds(3.1e45, text), "3.1e+45 s", "what a hostile file may say");
}

int main(void)
{
    test_rates();
    test_seconds();
    test_others();
    test_print();
    return done_testing();
}
