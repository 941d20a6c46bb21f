/* SPDX-License-Identifier: Apache-2.0 */
/* What will be done: endpoints and flows as the topologies name them. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/endpoint.h"
#include "core/settings.h"

struct vmtp_cloud;

struct vmtp_planned_flow {
    struct vmtp_flow flow; /* text owned here */
    struct vmtp_endpoint *client, *server;
    size_t topology; /* index into the run's topologies */
    size_t sequence; /* as planned, before sorting */
};

/* What a topology wants to be read with the plan. */
struct vmtp_plan_note {
    size_t topology;
    char *text;
};

struct vmtp_plan {
    const struct vmtp_settings *settings;
    struct vmtp_login *hosts; /* settings->hosts as logins; text borrowed from the settings */
    size_t topology;          /* who is planning now */
    struct vmtp_endpoint **endpoints;
    size_t *endpoint_topology; /* who named it first */
    size_t n_endpoints;
    struct vmtp_planned_flow *flows;
    size_t n_flows;
    struct vmtp_plan_note *notes;
    size_t n_notes;
    size_t at_once; /* so many machines of a cloud may be there at the same time; 0: all */
    struct vmtp_pairs facts; /* of the run, for the result: "auth_url", "l2agent_type", "encapsulation" */
    struct vmtp_cloud *cloud; /* what topologies of a cloud share; NULL: nobody asked for one */
    void (*cloud_close)(struct vmtp_cloud *cloud);
};

int vmtp_plan_init(struct vmtp_plan *plan, const struct vmtp_settings *settings);
void vmtp_plan_sort(struct vmtp_plan *plan);
void vmtp_plan_clear(struct vmtp_plan *plan);

#endif
