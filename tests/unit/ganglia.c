/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of the feeds of gmond and gmetad, and what is refused. */
#include "core/ganglia.h"

#include "tests/fixture.h"

/* Reads a feed in pieces of that size. */
static int read_in(struct vmtp_ctx *ctx, const char *text, size_t len, size_t piece, struct vmtp_ganglia_hosts *hosts)
{
    VMTP_CLEAN(ganglia) struct vmtp_ganglia_reader *reader = vmtp_ganglia_begin();
    int rc = reader ? VMTP_OK : VMTP_ENOMEM;
    *hosts = (struct vmtp_ganglia_hosts){0};
    for (size_t at = 0; at < len && rc == VMTP_OK; at += piece)
        rc = vmtp_ganglia_feed(ctx, reader, text + at, len - at < piece ? len - at : piece);
    return rc < 0 ? rc : vmtp_ganglia_end(ctx, reader, hosts);
}

static int read_all(struct vmtp_ctx *ctx, const char *text, struct vmtp_ganglia_hosts *hosts)
{
    return read_in(ctx, text, strlen(text), strlen(text) + 1, hosts);
}

struct wanted {
    const char *address, *name, *cluster;
    double load;
    bool incomplete, silent;
};

static void test_recorded(void)
{
    static const struct {
        const char *name;
        size_t clusters;
        struct wanted hosts[5];
    } cases[] = {
        {"one-host", 1, {{"127.0.0.1", "localhost", "rack one", 2, false, false}}},
        {"hosts", 1, {{"127.0.0.1", "localhost", "rack one", 2, false, false},
                      {"192.0.2.11", "c1", "rack one", 4.24, false, false},
                      {"192.0.2.12", "c2", "rack one", 0, true, false}}},
        {"grid", 2, {{"127.0.0.1", "localhost", "rack one", 2, false, false},
                     {"192.0.2.11", "c1", "rack one", 4.24, false, false},
                     {"192.0.2.12", "c2", "rack one", 0, true, false},
                     {"192.0.2.13", "c3", "rack two", 31.92, false, false}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const size_t pieces[] = {1 << 20, 1, 1000};
        char path[100];
        size_t len;
        snprintf(path, sizeof path, "ganglia/3.7.2/%s.xml", cases[i].name);
        VMTP_CLEAN(text) char *text = fixture(path, &len);
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts;
            VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
            vmtp_ctx_init(&ctx, NULL);
            is_int(read_in(&ctx, text, len, pieces[p], &hosts), VMTP_OK, cases[i].name);
            is_int((long long)hosts.clusters, (long long)cases[i].clusters, "clusters");
            size_t n = 0;
            for (const struct wanted *want = cases[i].hosts; want->address; want++, n++) {
                const struct vmtp_ganglia_host none = {0}, *got = n < hosts.n ? &hosts.items[n] : &none;
                is(got->address, want->address, "address");
                is(got->name, want->name, "... name");
                is(got->cluster, want->cluster, "... cluster");
                is_number(got->load, want->load, "... load");
                ok(got->incomplete == want->incomplete && got->silent == want->silent, "... and what it is worth");
            }
            is_int((long long)hosts.n, (long long)n, "no other host");
        }
    }
}

#define FEED(text)      "<GANGLIA_XML VERSION=\"3\">" text "</GANGLIA_XML>"
#define CLUSTER(n, t)   "<CLUSTER NAME=\"" n "\">" t "</CLUSTER>"
#define HOST(a, text)   "<HOST " a ">" text "</HOST>"
#define METRIC(n, v)    "<METRIC NAME=\"" n "\" VAL=\"" v "\"/>"
#define LOAD(u, s, n)   METRIC("cpu_user", u) METRIC("cpu_system", s) METRIC("cpu_num", n)

/* What no recorded feed has. */
static void test_others(void)
{
    static const struct {
        const char *what, *feed;
        size_t n;
        struct wanted first;
    } cases[] = {
        {"the example of the specification",
         "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" standalone=\"yes\"?>\n"
         FEED(CLUSTER("lab", HOST("NAME=\"c1\" IP=\"192.0.2.11\" REPORTED=\"1\" TN=\"4\" TMAX=\"20\"",
                                  LOAD("12.5", "7.5", "32")))), 1, {"192.0.2.11", "c1", "lab", 6.4, false, false}},
        {"no host", FEED(CLUSTER("lab", "")), 0, {0}},
        {"a host in no cluster", FEED(HOST("IP=\"a\" NAME=\"n\"", LOAD("1", "2", "100"))), 1,
         {"a", "n", "", 3, false, false}},
        {"a host without an address has its name", FEED(HOST("NAME=\"n\"", "")), 1, {"n", "n", "", 0, true, false}},
        {"one that has neither is left out", FEED(HOST("X=\"\"", LOAD("1", "2", "3"))), 0, {0}},
        {"a host that is silent", FEED(HOST("IP=\"a\" TN=\"81\" TMAX=\"20\"", LOAD("1", "1", "1"))), 1,
         {"a", "", "", 0.02, false, true}},
        {"one that is not yet", FEED(HOST("IP=\"a\" TN=\"80\" TMAX=\"20\"", LOAD("1", "1", "1"))), 1,
         {"a", "", "", 0.02, false, false}},
        {"of a host in two clusters, what was heard of last",
         FEED(CLUSTER("x", HOST("IP=\"a\" TN=\"9\"", LOAD("1", "1", "1")))
              CLUSTER("y", HOST("IP=\"a\" TN=\"3\"", LOAD("50", "50", "1")))), 1, {"a", "", "y", 1, false, false}},
        {"numbers that are none count as 0", FEED(HOST("IP=\"a\"", LOAD("nan", "-3", "1e300"))), 1,
         {"a", "", "", 0, true, false}},
        {"a metric in no host", FEED(METRIC("cpu_user", "1") HOST("IP=\"a\"", "")), 1, {"a", "", "", 0, true, false}},
        {"what Latin-1 has", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" FEED(HOST("IP=\"caf\xe9\"", "")), 1,
         {"caf\xc3\xa9", "", "", 0, true, false}},
        {"control characters", FEED(HOST("IP=\"a&#10;b\"", "")), 1, {"a b", "", "", 0, true, false}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts;
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        int rc = read_all(&ctx, cases[i].feed, &hosts);
        is(vmtp_ctx_error(&ctx, rc), "no error", cases[i].what);
        is_int((long long)hosts.n, (long long)cases[i].n, "... so many hosts");
        if (hosts.n == 0)
            continue;
        const struct vmtp_ganglia_host *got = &hosts.items[0];
        is(got->address, cases[i].first.address, "... address");
        is(got->cluster, cases[i].first.cluster, "... cluster");
        is_number(got->load, cases[i].first.load, "... load");
        ok(got->incomplete == cases[i].first.incomplete && got->silent == cases[i].first.silent, "... and its worth");
    }
}

static void test_refused(void)
{
    static const struct {
        const char *feed, *words;
    } cases[] = {
        {"", "closed the connection without an answer: its acl may not let"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "line 1 of the answer: "},
        {"HTTP/1.1 400 Bad Request\r\n\r\n<html></html>", "line 1 of the answer: "},
        {"<html></html>", "it is no feed of Ganglia"},
        {"<GANGLIA_XML>\n<HOST IP=\"a\"", "the answer is cut off after 26 bytes"},
        {"<GANGLIA_XML><HOST IP=\"a\">", "the answer is cut off"},
        {"<GANGLIA_XML><HOST IP=\"a\"></GANGLIA_XML>", "line 1 of the answer: mismatched tag"},
        {"<GANGLIA_XML>\n\n<HOST IP=\"a\" IP=\"b\"/>", "line 3 of the answer: duplicate attribute"},
        {FEED(HOST("IP=\"a\"", HOST("IP=\"b\"", ""))), "a host inside of a host"},
        {FEED("") FEED(""), "junk after document element"},
        {"\x1f\x8b\x08", "set gzip_output to no"},
        {"<!DOCTYPE GANGLIA_XML [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>" FEED("&b;"), "it declares entities"},
        {"<!DOCTYPE GANGLIA_XML [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>" FEED("&a;"), "it declares entities"},
        {"<!DOCTYPE GANGLIA_XML [<!ENTITY % a SYSTEM \"http://192.0.2.1/\">%a;]>" FEED(""), "it declares entities"},
        {FEED("&a;"), "undefined entity"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts;
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        int rc = read_all(&ctx, cases[i].feed, &hosts);
        is_int(rc, VMTP_EPARSE, "refused");
        contains(vmtp_ctx_error(&ctx, rc), cases[i].words, "... with the reason");
        ok(hosts.n == 0 && !hosts.items, "... and without a host");
    }
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts;
    is_int(read_all(NULL, "<!DOCTYPE GANGLIA_XML SYSTEM \"/etc/passwd\">" FEED(""), &hosts), VMTP_OK,
           "a document type elsewhere is not fetched");
}

#define SOME "a text that is long and has no tag. "
#define MORE SOME SOME SOME SOME SOME SOME SOME SOME
#define MUCH MORE MORE MORE MORE MORE MORE MORE MORE

/* Feeds without an end, made of one text again and again behind another. */
static void test_endless(void)
{
    static const struct {
        const char *begin, *again, *words;
    } cases[] = {
        {"<GANGLIA_XML>", "<GRID>", "elements too deep inside of each other"},
        {"<GANGLIA_XML><HOST NAME='", MUCH, "it takes more memory than any feed of Ganglia"},
        {"<GANGLIA_XML><!--", MUCH, "it takes more memory than any feed of Ganglia"},
        {"<GANGLIA_XML>", MUCH, "the answer is longer than 64 MiB"},
        {"<GANGLIA_XML>", "<HOST IP='%zu'/>", "more hosts than can be watched"},
        {"<GANGLIA_XML>", "<METRIC a%zu='x'/>", "it takes more memory than any feed of Ganglia"},
        {"<GANGLIA_XML>", "<a%zu/>", "it takes more memory than any feed of Ganglia"},
        {"<!DOCTYPE GANGLIA_XML [", "<!ATTLIST METRIC a%zu CDATA 'x'>", "it declares too many attributes"},
    };
    enum { PIECE = 1 << 16 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ganglia) struct vmtp_ganglia_reader *reader = vmtp_ganglia_begin();
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        int rc = vmtp_ganglia_feed(&ctx, reader, cases[i].begin, strlen(cases[i].begin));
        size_t count = 0;
        while (rc == VMTP_OK && count < VMTP_GANGLIA_FEED_MAX + PIECE) {
            char piece[PIECE + 4000];
            size_t len = 0;
            while (len < PIECE) {
                const char *number = strstr(cases[i].again, "%zu");
                int before = number ? (int)(number - cases[i].again) : (int)strlen(cases[i].again);
                len += (size_t)snprintf(piece + len, sizeof piece - len, "%.*s", before, cases[i].again);
                if (number)
                    len += (size_t)snprintf(piece + len, sizeof piece - len, "%zu%s", count, number + 3);
                count++;
            }
            rc = vmtp_ganglia_feed(&ctx, reader, piece, len);
        }
        is_int(rc, VMTP_EPARSE, cases[i].again);
        contains(vmtp_ctx_error(&ctx, rc), cases[i].words, "... ends with the reason");
    }
}

static void read_only(const char *text, size_t len)
{
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts;
    (void)read_in(NULL, text, len, len + 1, &hosts);
}

int main(void)
{
    test_recorded();
    test_others();
    test_refused();
    test_endless();
    static const char feed[] = "<!DOCTYPE GANGLIA_XML [<!ATTLIST METRIC SOURCE (gmond) 'gmond'>]>\n"
                               FEED(CLUSTER("lab", HOST("NAME=\"c1\" IP=\"a\" TN=\"4\"", LOAD("12.5", "7", "32"))));
    batter(feed, strlen(feed), read_only);
    return done_testing();
}
