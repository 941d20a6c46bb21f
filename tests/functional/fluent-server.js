// SPDX-License-Identifier: Apache-2.0
// node fluent-server.js DIRECTORY [PORT] [KEY]: a FluentServer on 127.0.0.1. Writes its port into DIRECTORY/port and
// each record as a line of JSON into DIRECTORY/records. With a key it wants a login. NODE_PATH: where the package is.
"use strict";
const fs = require("fs");
const { FluentServer } = require("@fluent-org/logger");
const [directory, port, key] = process.argv.slice(2);
const server = new FluentServer({
    listenOptions: { host: "127.0.0.1", port: Number(port || 0) },
    security: key ? { serverHostname: "test", sharedKey: key, authorize: false, userDict: {} } : undefined,
});
server.on("entry", (tag, time, record) =>
    fs.appendFileSync(`${directory}/records`, JSON.stringify({ tag, time: Number(time), ...record }) + "\n"));
server.listen().then(() => {
    fs.writeFileSync(`${directory}/port.new`, `${server.port}\n`);
    fs.renameSync(`${directory}/port.new`, `${directory}/port`);
});
