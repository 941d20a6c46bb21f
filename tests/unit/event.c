/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

#include <stdlib.h>

#include "core/ctx.h"
#include "core/metrics.h"
#include "tests/tap.h"

static struct vmtp_ctx ctx;

/* There and back through text; NULL when it was refused. */
static struct vmtp_event *through_text(const struct vmtp_event *ev)
{
    json_t *json = vmtp_event_to_json(ev);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    json = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    struct vmtp_event *back = NULL;
    if (json)
        (void)vmtp_event_from_json(&ctx, json, &back);
    json_decref(json);
    return back;
}

static void test_names(void)
{
    for (uint32_t type = VMTP_EV_RUN_BEGIN; type <= VMTP_EV_NODE; type++)
        ok(vmtp_event_type_of(vmtp_event_type_name(type)) == type, "type %s", vmtp_event_type_name(type));
    for (uint32_t proto = VMTP_TCP; proto <= VMTP_ICMP; proto++)
        ok(vmtp_proto_of(vmtp_proto_name(proto)) == proto, "protocol %s", vmtp_proto_name(proto));
    ok(vmtp_event_type_of("nonsense") == 0 && vmtp_proto_of("") == 0, "unknown names");
    is(vmtp_event_type_name(99), "unknown", "unknown type");
}

static void test_round_trip(void)
{
    const struct vmtp_load load = {
        .struct_size = sizeof load, .proto = VMTP_UDP, .ipv6 = 1, .reverse = 1, .streams = 3, .message_bytes = 1024,
        .mss = 1400, .count = 10, .ttl = 32, .rate_bps = 9007199254740993, .seconds = 0.1, .interval_s = 1.5,
        .group = "231.1.1.1",
    };
    const struct vmtp_value values[] = {{"throughput", "bit/s", 941123456.78901234}, {"loss", "ratio", 0.1},
                                        {"rtt", "s", 5e-324}, {"bytes", "bytes", 1.7976931348623157e308}};
    const struct vmtp_property properties[] = {{"flag", "sender-limited"}, {"flag", "not-confirmed"},
                                               {"warning", "caf\xc3\xa9 \"quoted\"\nline"}};
    const struct vmtp_event ev = {
        .struct_size = sizeof ev, .type = VMTP_EV_RESULT, .value_size = sizeof values[0],
        .property_size = sizeof properties[0], .seq = 12, .time_ns = 1760000000123456789, .run_id = "0123-uuid",
        .flow_id = "native:a:b", .topology = "native-host", .tool = "nuttcp", .load = &load, .values = values,
        .n_values = 4, .properties = properties, .n_properties = 3,
    };
    struct vmtp_event *back = through_text(&ev);
    if (!ok(back != NULL, "an event with everything comes back"))
        return;
    ok(back->seq == 12 && back->time_ns == 1760000000123456789 && back->type == VMTP_EV_RESULT, "head");
    ok(strcmp(back->run_id, "0123-uuid") == 0 && strcmp(back->flow_id, "native:a:b") == 0 &&
       strcmp(back->topology, "native-host") == 0 && strcmp(back->tool, "nuttcp") == 0, "who and where");
    const struct vmtp_load *got = back->load;
    ok(got->proto == VMTP_UDP && got->ipv6 == 1 && got->reverse == 1 && got->streams == 3 &&
       got->message_bytes == 1024 && got->mss == 1400 && got->count == 10 && got->ttl == 32 &&
       got->rate_bps == 9007199254740993 && got->seconds == 0.1 && got->interval_s == 1.5, "load, to the last bit");
    is(got->group, "231.1.1.1", "multicast group");
    bool same = back->n_values == 4;
    for (size_t i = 0; same && i < 4; i++) {
        const struct vmtp_value *value = vmtp_event_value(back, i);
        same = strcmp(value->metric, values[i].metric) == 0 && strcmp(value->unit, values[i].unit) == 0 &&
               value->value == values[i].value;
    }
    ok(same, "values keep their order, units and every bit");
    ok(back->n_properties == 3 && strcmp(vmtp_event_property(back, 1)->text, "not-confirmed") == 0 &&
       !vmtp_event_property(back, 3), "properties may repeat");
    is(vmtp_event_text(back, "warning"), "caf\xc3\xa9 \"quoted\"\nline", "quotes and newlines in a text");
    vmtp_event_free(back);
}

static void test_failure(void)
{
    const struct vmtp_event ev = {.struct_size = sizeof ev, .type = VMTP_EV_FAILURE, .seq = 1, .flow_id = "f",
                                  .status = VMTP_ETIMEOUT, .error = "bad \xff\xfe bytes \x1b[31m"};
    struct vmtp_event *back = through_text(&ev);
    ok(back && back->status == VMTP_ETIMEOUT, "status");
    is(back ? back->error : NULL, "bad ?? bytes ?[31m", "text that is no UTF-8 is made harmless");
    is(back ? vmtp_event_problem(back) : NULL, "bad ?? bytes ?[31m", "a failure is a problem");
    ok(back && !back->load && !back->tool && !back->run_id, "absent members stay NULL");
    vmtp_event_free(back);

    const struct vmtp_value values[] = {{"throughput", "bit/s", NAN}, {"loss", "ratio", INFINITY}, {"rtt", "s", 1}};
    const struct vmtp_event odd = {.struct_size = sizeof odd, .type = VMTP_EV_SAMPLE, .values = values, .n_values = 3};
    back = through_text(&odd);
    ok(back && back->n_values == 1, "numbers that JSON cannot hold are left out");
    vmtp_event_free(back);
}

static void refused(const char *text, int status, const char *name)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    struct vmtp_event *ev = NULL;
    int rc = json ? vmtp_event_from_json(&ctx, json, &ev) : 1;
    ok(rc == status && !ev, "%s", name);
    if (status < 0)
        ok(ctx.causes.len > 0, "... with words: %s", vmtp_ctx_error(&ctx, rc));
    vmtp_ctx_forget(&ctx);
    vmtp_event_free(ev);
    json_decref(json);
}

static void test_hostile(void)
{
    refused("[]", VMTP_EPARSE, "a list is no event");
    refused("{}", VMTP_EPARSE, "no type");
    refused("{\"type\":7}", VMTP_EPARSE, "a type that is a number");
    refused("{\"type\":\"teleport\"}", VMTP_ENOTSUP, "an unknown type");
    refused("{\"type\":\"result\",\"seq\":-1}", VMTP_EPARSE, "a negative sequence number");
    refused("{\"type\":\"result\",\"seq\":1.5}", VMTP_EPARSE, "a broken sequence number");
    refused("{\"type\":\"result\",\"time_ns\":\"now\"}", VMTP_EPARSE, "a time that is a text");
    refused("{\"type\":\"result\",\"tool\":{}}", VMTP_EPARSE, "a tool that is an object");
    refused("{\"type\":\"result\",\"load\":[]}", VMTP_EPARSE, "a load that is a list");
    refused("{\"type\":\"result\",\"load\":{\"proto\":\"SCTP\"}}", VMTP_EPARSE, "an unknown protocol");
    refused("{\"type\":\"result\",\"load\":{\"proto\":\"TCP\",\"mss\":4294967296}}", VMTP_EPARSE, "too large a number");
    refused("{\"type\":\"result\",\"values\":{}}", VMTP_EPARSE, "values as an object");
    refused("{\"type\":\"result\",\"values\":[[\"loss\",\"ratio\"]]}", VMTP_EPARSE, "a value without a number");
    refused("{\"type\":\"result\",\"values\":[null]}", VMTP_EPARSE, "a value that is nothing");
    refused("{\"type\":\"result\",\"properties\":[[\"a\",1]]}", VMTP_EPARSE, "a property that is a number");

    json_t *json = json_pack("{s:s, s:[]}", "type", "result", "values");
    for (int i = 0; i <= VMTP_VALUES_MAX; i++)
        json_array_append_new(json_object_get(json, "values"), json_pack("[s,s,f]", "loss", "ratio", 0.0));
    struct vmtp_event *ev = NULL;
    ok(vmtp_event_from_json(&ctx, json, &ev) == VMTP_EPARSE && !ev, "more values than anybody measures");
    json_decref(json);

    json = json_loads("{\"type\":\"run-end\",\"seq\":3,\"colour\":[1,{}],\"status\":\"made-up\"}", 0, NULL);
    ok(vmtp_event_from_json(&ctx, json, &ev) == VMTP_OK && ev->seq == 3 && ev->status == VMTP_EFAIL,
       "unknown members are ignored, an unknown status is a failure");
    vmtp_event_free(ev);
    json_decref(json);
    vmtp_event_free(NULL);
}

/* A plugin of a later version walks over longer entries, and one of this version over those of an earlier one. */
static void test_strides(void)
{
    struct { struct vmtp_value head; double later; } values[] = {{{"loss", "ratio", 1}, 7}, {{"rtt", "s", 2}, 8}};
    struct { struct vmtp_property head; int later; } properties[] = {{{"a", "1"}, 7}, {{"b", "2"}, 8}};
    const struct vmtp_event ev = {.value_size = sizeof values[0], .values = &values[0].head, .n_values = 2,
                                  .property_size = sizeof properties[0], .properties = &properties[0].head,
                                  .n_properties = 2};
    is_number(vmtp_event_number(&ev, "rtt", 0), 2, "values are walked with their stride");
    is(vmtp_event_text(&ev, "b"), "2", "properties too");
    ok(vmtp_event_number(&ev, "jitter", -1) == -1 && !vmtp_event_text(&ev, "c"), "absent ones");
}

static int count_samples(vmtp_ctx *c, void *arg, const struct vmtp_value *values, size_t n)
{
    (void)c;
    *(size_t *)arg += n;
    return strcmp(values[n - 1].unit, "bit/s") == 0 ? VMTP_OK : VMTP_EFAIL;
}

static void test_recorder(void)
{
    size_t samples = 0;
    struct vmtp_recorder recorder = {.sample = count_samples, .sample_arg = &samples};
    ok(vmtp_metric(&ctx, "loss", 0) == VMTP_EFAIL, "no metric outside a measurement");
    ctx.recorder = &recorder;
    ok(vmtp_metric(&ctx, "loss", 0.5) == VMTP_OK && vmtp_metric(&ctx, "loss", 0.25) == VMTP_OK, "a metric said twice");
    ok(recorder.n_values == 1 && vmtp_recorder_number(&recorder, "loss", 0) == 0.25, "... the last counts");
    is(recorder.values[0].unit, "ratio", "units come from the table");
    ok(vmtp_metric(&ctx, "speed", 1) == VMTP_EFAIL && vmtp_metric(&ctx, "loss", NAN) == VMTP_EFAIL &&
       vmtp_metric(&ctx, "loss", INFINITY) == VMTP_EFAIL, "unknown metrics and odd numbers are refused");
    const struct vmtp_value values[] = {{"throughput", NULL, 1e9}};
    ok(vmtp_sample(&ctx, 0, 1, values, 1) == VMTP_OK && samples == 3, "a sample has from, to and its values");
    ok(vmtp_sample(&ctx, 0, NAN, values, 1) == VMTP_EFAIL && samples == 3, "a sample without time is refused");

    char longer[VMTP_PROPERTY_TEXT_MAX + 10];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer + VMTP_PROPERTY_TEXT_MAX - 1, "\xc3\xa9", 2);
    ok(vmtp_property(&ctx, "warning", longer) == VMTP_OK, "a text that is too long");
    is_int((long long)strlen(recorder.properties[0].text), VMTP_PROPERTY_TEXT_MAX - 1,
           "... is cut before the character that does not fit");
    int rc = VMTP_OK;
    for (int i = 1; i < VMTP_PROPERTIES_MAX; i++)
        rc |= vmtp_property(&ctx, "flag", "f");
    ok(rc == VMTP_OK && vmtp_property(&ctx, "flag", "f") == VMTP_EFAIL, "there are only so many properties");
    ctx.recorder = NULL;
    vmtp_recorder_clear(&recorder);
    ok(recorder.n_values == 0 && recorder.n_properties == 0 && recorder.sample, "clear forgets what was said only");
}

static const char *problem(uint32_t proto, const char *metric, double value)
{
    const struct vmtp_load load = {.proto = proto};
    const struct vmtp_value values[] = {{metric, "", value}};
    const struct vmtp_event ev = {.type = VMTP_EV_RESULT, .load = &load, .values = values, .n_values = 1};
    return vmtp_event_problem(&ev);
}

static void test_problems(void)
{
    ok(!problem(VMTP_TCP, "throughput", 1e9) && !problem(VMTP_ICMP, "received", 9), "good results");
    contains(problem(VMTP_ICMP, "received", 0), "lost", "no echo came back");
    contains(problem(VMTP_UDP, "throughput", 0), "nothing arrived", "nothing arrived");
    contains(problem(VMTP_TCP, "rtt", 1), "no throughput", "no number at all");
}

int main(void)
{
    vmtp_ctx_init(&ctx, NULL);
    test_names();
    test_round_trip();
    test_failure();
    test_hostile();
    test_strides();
    test_recorder();
    test_problems();
    vmtp_ctx_clear(&ctx);
    return done_testing();
}
