#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""purge.py PROJECT: deletes what a run may have left in a project (servers,
floating ips, routers, ports, networks, security groups; with project admin or
demo also that user's key pairs). Prints what it deletes."""
import os
import sys
import time

state = os.environ.get("LAB_STATE", "/var/lib/vmtp-lab")
os.environ.setdefault("OS_CLIENT_CONFIG_FILE", os.path.join(state, "clouds.yaml"))
import openstack  # noqa: E402

name = sys.argv[1]
for k in [k for k in os.environ if k.startswith("OS_") and k != "OS_CLIENT_CONFIG_FILE"]:
    del os.environ[k]
c = openstack.connect(cloud="lab")
pid = c.identity.find_project(name, ignore_missing=False).id
n = c.network


def gone(what, obj, f, *a, **k):
    print("delete", what, getattr(obj, "name", None) or obj.id)
    f(*a, **k)


servers = [s for s in c.compute.servers(details=True, all_projects=True) if s.project_id == pid]
for s in servers:
    gone("server", s, c.compute.delete_server, s, force=False)
for s in servers:
    c.compute.wait_for_delete(s, wait=180)
for f in n.ips(project_id=pid):
    gone("floating ip", f, n.delete_ip, f)
for r in n.routers(project_id=pid):
    for p in n.ports(device_id=r.id, device_owner="network:router_interface"):
        n.remove_interface_from_router(r, port_id=p.id)
    gone("router", r, n.delete_router, r)
for p in n.ports(project_id=pid):
    if not p.device_owner.startswith("network:"):
        gone("port", p, n.delete_port, p)
for net in n.networks(project_id=pid):
    if net.name != "ext-net":
        gone("network", net, n.delete_network, net)
for g in n.security_groups(project_id=pid):
    if g.name != "default":
        gone("security group", g, n.delete_security_group, g)
cloud = {"admin": "lab", "demo": "lab-demo"}.get(name)
if cloud:
    u = openstack.connect(cloud=cloud)
    for k in u.compute.keypairs():
        gone("key pair", k, u.compute.delete_keypair, k)
