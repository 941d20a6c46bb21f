#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fills a fresh cloud; every step first looks whether it is done.
bootstrap.py identity CLOUDS_YAML PASSWORD CTL_IP
bootstrap.py cloud CLOUDS_YAML IMAGE CIDR GATEWAY POOL_START POOL_END
"""
import os
import sys
import time

os.environ["OS_CLIENT_CONFIG_FILE"] = sys.argv[2]
import openstack  # noqa: E402

c = openstack.connect(cloud="lab")


def identity(password, ctl):
    i = c.identity
    dom = "default"
    projects = {p.name: p for p in i.projects()}
    users = {u.name: u for u in i.users()}
    roles = {r.name: r for r in i.roles()}
    for r in ("admin", "member", "reader", "service"):
        if r not in roles:
            roles[r] = i.create_role(name=r)
    for p in ("service", "demo"):
        if p not in projects:
            projects[p] = i.create_project(name=p, domain_id=dom)
    for u in ("glance", "placement", "nova", "neutron"):
        if u not in users:
            users[u] = i.create_user(name=u, password=password, domain_id=dom)
        for r in ("admin", "service"):
            i.assign_project_role_to_user(projects["service"], users[u], roles[r])
    if "demo" not in users:
        users["demo"] = i.create_user(name="demo", password=password, domain_id=dom)
    i.assign_project_role_to_user(projects["demo"], users["demo"], roles["member"])
    i.assign_project_role_to_user(projects["demo"], users["admin"], roles["admin"])

    if "RegionTLS" not in [r.id for r in i.regions()]:
        i.create_region(id="RegionTLS")
    services = {s.type: s for s in i.services()}
    have = {(e.service_id, e.interface, e.region_id) for e in i.endpoints()}
    for typ, name, port, path in (("identity", "keystone", 5000, "/v3"), ("image", "glance", 9292, ""),
                                  ("placement", "placement", 8778, ""), ("network", "neutron", 9696, ""),
                                  ("compute", "nova", 8774, "/v2.1")):
        if typ not in services:
            services[typ] = i.create_service(type=typ, name=name)
        for region, base in (("RegionOne", f"http://{ctl}:{port}"), ("RegionTLS", f"https://{ctl}:1{port:04d}")):
            for iface in ("public", "internal", "admin"):
                if (services[typ].id, iface, region) not in have:
                    i.create_endpoint(service_id=services[typ].id, interface=iface, region_id=region, url=base + path)


def cloud(image, cidr, gw, start, end):
    for name, ram, vcpus, disk in (("m1.tiny", 256, 1, 1), ("m1.small", 512, 1, 2), ("m1.medium", 1024, 2, 4)):
        if not c.get_flavor(name):
            c.create_flavor(name, ram, vcpus, disk)
    for name, path in (("Debian 12", image), ("Debian 12 cloud-init", image.replace(".qcow2", "-cloudinit.qcow2"))):
        if os.path.exists(path) and not c.get_image(name):
            c.create_image(name, filename=path, disk_format="qcow2", container_format="bare", visibility="public",
                           wait=True, timeout=300, hw_rng_model="virtio", min_disk=1)
    net = c.network.find_network("ext-net")
    if not net:
        net = c.network.create_network(name="ext-net", provider_network_type="flat", is_router_external=True,
                                       provider_physical_network="physnet1", is_shared=True)
    if not c.network.find_subnet("ext-subnet"):
        c.network.create_subnet(name="ext-subnet", network_id=net.id, ip_version=4, cidr=cidr, gateway_ip=gw,
                                allocation_pools=[{"start": start, "end": end}], is_dhcp_enabled=True)
    for _ in range(240):        # both registered: then 'discover_hosts' maps them
        if len([x for x in c.compute.services(binary="nova-compute")]) >= 2:
            return
        time.sleep(.5)
    sys.exit("the two nova-compute services did not register")


{"identity": identity, "cloud": cloud}[sys.argv[1]](*sys.argv[3:])
