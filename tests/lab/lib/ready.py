#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ready.py CLOUDS_YAML: 0 when both computes and all six agents are up."""
import os
import sys

os.environ["OS_CLIENT_CONFIG_FILE"] = sys.argv[1]
import openstack  # noqa: E402

c = openstack.connect(cloud="lab")
computes = [s for s in c.compute.services(binary="nova-compute") if s.state == "up"]
agents = [a for a in c.network.agents() if a.is_alive]
hyps = [h for h in c.compute.hypervisors(details=True) if h.state == "up"]
sys.exit(not (len(computes) >= 2 and len(agents) >= 6 and len(hyps) >= 2))
