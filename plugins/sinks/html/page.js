(function () {
'use strict';
var root = document.documentElement, tip = document.getElementById('tip'), runs = [];
[].forEach.call(document.querySelectorAll('script[type="application/json"]'), function (s) {
    runs.push(JSON.parse(s.textContent));
});
function on(id, f) {
    var e = document.getElementById(id);
    if (e) { e.hidden = false; e.addEventListener('click', f); }
}
function list(x) { return Array.isArray(x) ? x : []; }

/* --- pointing at marks --- */
function show(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    var box = tip.getBoundingClientRect(), wide = root.clientWidth;
    var left = Math.max(6, Math.min(x - box.width / 2, wide - box.width - 6));
    var top = y - box.height - 14;
    tip.style.left = left + window.pageXOffset + 'px';
    tip.style.top = (top < 4 ? y + 18 : top) + window.pageYOffset + 'px';
}
function hide() { tip.hidden = true; }
function mark(e) {
    var m = e.target.closest ? e.target.closest('.m') : null;
    if (!m) return false;
    var t = m.querySelector('title');
    if (t) { m.tip = t.textContent; m.setAttribute('aria-label', m.tip); m.removeChild(t); }
    show(m.tip, e.clientX, e.clientY);
    return true;
}
function rate(v) {
    var units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'], i = 0;
    for (; v >= 999.5 && i < 4; i++) v /= 1000;
    return (i ? v.toPrecision(v >= 1000 ? 4 : 3) : v.toFixed(0)) + ' ' + units[i];
}
function isNumber(v) { return typeof v === 'number'; }
/* The measurement that a line was drawn from: data-s is run, flow, place. */
function source(path) {
    var at = path.getAttribute('data-s').split(' ');
    return list(list(runs[at[0]].flows)[at[1]].results)[at[2]];
}
function nameOf(item) {
    return item.protocol + (item.pkt_size === undefined ? '' : ' ' + item.pkt_size + ' B') +
        (item.direction === 'reverse' ? ', server to client' : '') + (item.repeat ? ', sample ' + item.repeat : '');
}
function points(path) {
    if (path.points) return path.points;
    var at = /[ML](-?[\d.]+) (-?[\d.]+)/g, d = path.getAttribute('d'), all = [], n;
    while ((n = at.exec(d))) all.push([+n[1], +n[2]]);
    return path.points = all;
}
function interval(path, i) {
    var s = source(path).samples, step = +path.getAttribute('data-n') || 1, v = list(s.throughput_bps), sum = 0, n = 0;
    for (var at = 0, place = -1; at < v.length; at += step) {
        var some = v.slice(at, at + step).filter(isNumber);
        if (some.length && ++place === i) {
            some.forEach(function (x) { sum += x; n++; });
            var to = list(s.to_s), last = Math.min(at + step, v.length) - 1;
            return { from: list(s.from_s)[at], to: to[last], mean: sum / n };
        }
    }
    return null;
}
function trial(path, i) {
    var sure = path.classList.contains('sure');
    return list(source(path).trials).filter(function (t) {
        return isNumber(t.target_bps) && isNumber(t.loss_rate) && (t.phase === 'confirm') === sure;
    })[i];
}
function near(svg, e, reach) {
    var box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal, best = null;
    var x = (e.clientX - box.left) * view.width / box.width, y = (e.clientY - box.top) * view.height / box.height;
    [].forEach.call(svg.querySelectorAll('path[data-s]'), function (path) {
        points(path).forEach(function (p, i) {
            var d = (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y);
            if (!best || d < best.d) best = { d: d, path: path, i: i };
        });
    });
    return best && best.d < reach * reach ? best : null;
}
function line(e) {
    var figure = e.target.closest ? e.target.closest('figure[data-k]') : null, text;
    var best = figure && near(figure.querySelector('svg'), e, figure.getAttribute('data-k') === 'trials' ? 40 : 160);
    if (!best) return false;
    text = nameOf(source(best.path));
    if (figure.getAttribute('data-k') === 'trials') {
        var t = trial(best.path, best.i);
        if (!t) return false;
        text += (t.phase === 'confirm' ? ', confirming' : ', searching') + '\nsent at ' + rate(t.target_bps) +
            (isNumber(t.throughput_bps) ? '\narrived ' + rate(t.throughput_bps) : '') + '\nloss ' + t.loss_rate + ' %';
    } else {
        var s = interval(best.path, best.i);
        if (!s) return false;
        text += '\n' + (isNumber(s.from) && isNumber(s.to) ? s.from + ' to ' + s.to + ' s: ' : '') + rate(s.mean);
    }
    show(text, e.clientX, e.clientY);
    return true;
}
function point(e) { if (!mark(e) && !line(e)) hide(); }
document.addEventListener('pointermove', point);
document.addEventListener('pointerdown', point);
window.addEventListener('scroll', hide, { passive: true });

/* --- saving --- */
function save(name, type, text) {
    var a = document.createElement('a');
    a.href = URL.createObjectURL(new Blob([text], { type: type }));
    a.download = name;
    document.body.appendChild(a);
    a.click();
    document.body.removeChild(a);
    setTimeout(function () { URL.revokeObjectURL(a.href); }, 1000);
}
/* RFC 4180; a text that a spreadsheet would take for a formula gets an apostrophe. */
function cell(v) {
    if (v === undefined || v === null) return '';
    if (isNumber(v)) return String(v);
    v = Array.isArray(v) ? v.join('; ') : String(v);
    if (/^[=+\-@\t\r]/.test(v) && !/^-?[\d.]+$/.test(v)) v = "'" + v;
    return /[",\r\n]/.test(v) ? '"' + v.replace(/"/g, '""') + '"' : v;
}
var ofRun = ['run_uuid', 'run_id', 'date', 'test_description'];
var ofFlow = ['id', 'desc', 'scenario', 'topology', 'path', 'client', 'server', 'ip_from', 'ip_to'];
var ofItem = ['tool', 'direction', 'pkt_size', 'streams', 'repeat', 'throughput_bps', 'target_bps', 'loss_rate', 'sent',
    'received', 'lost', 'retrans', 'rtt_ms', 'rtt_min_ms', 'rtt_avg_ms', 'rtt_max_ms', 'rtt_stddev_ms', 'jitter_ms',
    'cpu_sender', 'cpu_receiver', 'seconds', 'flags', 'error', 'expected'];
function asItem(item, ping) {
    var o = {};
    ofItem.forEach(function (k) { o[k] = ping && ping[k] !== undefined ? ping[k] : item[k]; });
    if (o.throughput_bps === undefined && isNumber(item.throughput_kbps)) o.throughput_bps = item.throughput_kbps * 1000;
    if (ping) {
        o.pkt_size = ping.packet_size;
        o.sent = ping.tx_packets;
        o.received = ping.rx_packets;
        o.rtt_stddev_ms = ping.rtt_stddev;
    }
    return o;
}
/* What was expected of a measurement: 'passed', or the ways in which it was missed. */
function expected(flow, item, size) {
    var about = list(flow.verdicts).filter(function (v) {
        return v && typeof v === 'object' && v.protocol === item.protocol && isNumber(size) && v.pkt_size === size &&
            !v.direction === !item.direction;
    });
    var missed = about.filter(function (v) { return v.status === 'failed'; });
    return missed.length ? missed.map(function (v) { return v.text; }) : about.length ? 'passed' : [];
}
function rowsOf(run) {
    var rows = [];
    list(run.flows).forEach(function (flow) {
        list(flow && flow.results).forEach(function (item) {
            if (!item || typeof item !== 'object') return;
            var icmp = item.protocol === 'ICMP', pings = icmp && Array.isArray(item.results) ? item.results : [icmp && item];
            pings.forEach(function (ping) {
                var o = asItem(item, ping || null);
                o.expected = expected(flow, item, o.pkt_size);
                rows.push(ofRun.map(function (k) { return run[k]; }).concat(ofFlow.map(function (k) { return flow[k]; }),
                    [item.protocol], ofItem.map(function (k) { return o[k]; })));
            });
        });
    });
    return rows;
}
function csv() {
    var head = ofRun.concat(ofFlow.map(function (k) { return k === 'id' ? 'flow_id' : k === 'desc' ? 'flow' : k; }),
        ['protocol'], ofItem.map(function (k) { return k === 'loss_rate' ? 'loss_percent' : k; }));
    var rows = [head];
    runs.forEach(function (run) { rows = rows.concat(rowsOf(run)); });
    return rows.map(function (row) { return row.map(cell).join(','); }).join('\r\n') + '\r\n';
}
on('csv', function () { save('vmtp.csv', 'text/csv;charset=utf-8', csv()); });
on('json', function () {
    save('vmtp.json', 'application/json', JSON.stringify(runs.length === 1 ? runs[0] : runs, null, 4) + '\n');
});

/* --- light and dark, printing --- */
on('theme', function () {
    var dark = root.getAttribute('data-theme') ||
        (window.matchMedia && matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    root.setAttribute('data-theme', dark === 'dark' ? 'light' : 'dark');
});
on('print', function () { window.print(); });
window.addEventListener('beforeprint', function () {
    [].forEach.call(document.querySelectorAll('details'), function (d) { d.open = true; });
});
document.addEventListener('keydown', function (e) { if (e.key === 'Escape') hide(); });
}());
