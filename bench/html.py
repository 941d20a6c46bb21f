# SPDX-License-Identifier: Apache-2.0
"""Writes what html.sh measures: `html.py run` a result with 30 scenarios (T, U, I, M of eight flows), `html.py journal
N` a journal of about N events, nearly all of them intervals of long measurements."""
import json
import random
import sys

random.seed(1)
RUN = '0a1b2c3d-1111-4222-8333-444455556666'
SCENARIOS = [('1', 'VM to VM same network fixed IP (intra-node)'), ('2', 'VM to VM same network fixed IP (inter-node)'),
             ('3', 'VM to VM different network fixed IP (intra-node)'),
             ('4', 'VM to VM different network fixed IP (inter-node)'),
             ('5', 'VM to VM different network floating IP (intra-node)'),
             ('6', 'VM to VM different network floating IP (inter-node)'), ('7', 'Native inter-host'),
             ('8', 'External-VM')]


def near(value):
    return round(value * random.uniform(0.9, 1.1))


def samples(n, bps):
    return {'from_s': [float(i) for i in range(n)], 'to_s': [float(i + 1) for i in range(n)],
            'throughput_bps': [near(bps) for _ in range(n)]}


def tcp(i, reverse=False):
    bps = near(9e9)
    item = {'protocol': 'TCP', 'tool': 'nuttcp-8.2.2', 'tool_version': '8.2.2', 'pkt_size': 65536,
            'throughput_bps': bps, 'throughput_kbps': bps // 1000, 'repeat': '%d/3' % i, 'retrans': near(30),
            'rtt_ms': near(410) / 1000, 'seconds': 10.0, 'cpu_sender': 0.51, 'cpu_receiver': 0.98,
            'cwnd_bytes': near(3e6), 'samples': samples(10, bps)}
    return dict(item, direction='reverse') if reverse else item


def udp(size, protocol):
    bps = near(1e6 * size)
    trials = [{'target_bps': near(bps * (1 + 3 / (k + 1))), 'throughput_bps': near(bps),
               'loss_rate': near(500 / (k + 1)) / 10, 'phase': 'confirm' if k > 9 else 'search'} for k in range(12)]
    return {'protocol': protocol, 'tool': 'nuttcp-8.2.2', 'tool_version': '8.2.2', 'pkt_size': size,
            'throughput_bps': bps, 'throughput_kbps': bps // 1000, 'loss_rate': 3.1, 'loss_range': '2-5 %',
            'search': 'classic', 'trials': trials, 'samples': samples(10, bps), 'sent': near(1e6), 'lost': near(3e4),
            'cpu_sender': 0.97, 'cpu_receiver': 0.3}


def ping(size):
    return {'packet_size': size, 'tx_packets': '10', 'rx_packets': '10', 'rtt_min_ms': '0.201', 'rtt_avg_ms': '0.333',
            'rtt_max_ms': '0.710', 'rtt_stddev': '0.140', 'loss_rate': 0.0}


def result():
    flows = []
    for scenario, desc in SCENARIOS:
        items = [tcp(i) for i in (1, 2, 3)]
        if scenario == '8':
            items += [tcp(i, True) for i in (1, 2, 3)]
        items += [udp(size, 'UDP') for size in (128, 1024, 8192)]
        if scenario != '8':
            items += [udp(size, 'Multicast') for size in (128, 1024, 8192)]
        items.append({'protocol': 'ICMP', 'tool': 'ping', 'results': [ping(size) for size in (64, 391, 1500)]})
        flows.append({'desc': desc, 'scenario': scenario, 'id': 'flow-' + scenario, 'ip_from': '192.168.1.7',
                      'status': 'passed', 'ip_to': '192.168.1.4', 'client': 'vm-a', 'server': 'vm-b', 'kernel': '6.1.0',
                      'distro_id': 'debian', 'az_from': 'nova:cmp2', 'az_to': 'nova:cmp1', 'results': items})
    return {'args': 'vmtp --protocols TUIM', 'date': '2026-01-15 10:20:30', 'run_id': RUN[:7], 'run_uuid': RUN,
            'version': '3.0.0', 'schema_version': 1, 'status': 'passed', 'encapsulation': 'vxlan', 'flows': flows}


def journal(events):
    seq = 0

    def event(kind, **members):
        nonlocal seq
        seq += 1
        print(json.dumps(dict({'seq': seq, 'time_ns': 1768478400000000000 + seq * 10 ** 9, 'type': kind, 'run': RUN},
                              **members)))

    print(json.dumps({'vmtp_journal': 1, 'run': RUN}))
    event('run-begin', properties=[['program', 'vmtp'], ['version', '3.0.0'], ['args', 'vmtp'], ['run_uuid', RUN],
                                   ['date', '2026-01-15 12:00:00'], ['run_id', RUN[:7]], ['protocols', 'T']])
    load = {'proto': 'TCP', 'message_bytes': 65536, 'seconds': 1000.0, 'interval_s': 1.0}
    measurements = 30
    for m in range(measurements):
        of = {'flow': 'flow-%d' % m, 'topology': 'namespace'}
        event('flow-begin', **of, properties=[['label', 'Flow %d' % m], ['scenario', '9'], ['ip_from', '198.18.0.1']])
        for i in range(events // measurements):
            bps = near(1e9)
            event('sample', **of, tool='nuttcp', load=load, values=[
                ['from', 's', float(i)], ['to', 's', i + 1.0], ['bytes', 'bytes', bps / 8], ['seconds', 's', 1.0],
                ['throughput', 'bit/s', float(bps)]])
        event('result', **of, tool='nuttcp', load=load, values=[['throughput', 'bit/s', 1e9]],
              properties=[['tool_version', '8.2.2']])
        event('flow-end', **of, properties=[['status', 'passed']])
    event('run-end', properties=[['status', 'passed'], ['elapsed', '100000.0']])


if sys.argv[1] == 'run':
    json.dump(result(), sys.stdout, indent=4, sort_keys=True)
else:
    journal(int(sys.argv[2]))
