# SPDX-License-Identifier: Apache-2.0
"""Opens a page in a headless Chromium and tells, as JSON, what happened: console messages, requests, dialogs, and the
values of expressions that were evaluated in the page. Speaks the DevTools protocol through a pipe: no port, no network.

    browser.py [--width N] [--height N] [--dark] [--shot FILE.png] [--downloads DIR] PAGE EXPRESSION...
"""
import argparse
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-pipe',
         '--host-resolver-rules=MAP * ~NOTFOUND']
PATIENCE = 60


class Browser:
    def __init__(self, profile):
        to_read, self.write_fd = os.pipe()
        self.read_fd, to_write = os.pipe()

        def fds():
            os.setsid()
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        program = shutil.which('chromium') or shutil.which('chromium-browser')
        nothing = subprocess.DEVNULL
        self.process = subprocess.Popen([program, *FLAGS, '--user-data-dir=' + profile], preexec_fn=fds,
                                        close_fds=False, stdin=nothing, stdout=nothing, stderr=nothing)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b''
        self.number = 0
        self.events = []

    def receive(self, deadline):
        while b'\0' not in self.buffer:
            if not select.select([self.read_fd], [], [], max(0, deadline - time.time()))[0]:
                raise TimeoutError('the browser does not answer')
            data = os.read(self.read_fd, 1 << 16)
            if not data:
                raise EOFError('the browser has ended')
            self.buffer += data
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.write_fd, data):]
        deadline = time.time() + PATIENCE
        while True:
            answer = self.receive(deadline)
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise RuntimeError('%s: %s' % (method, answer['error']))
                return answer['result']
            self.events.append(answer)
            if answer.get('method') == 'Page.javascriptDialogOpening':
                dismiss = {'id': 0, 'sessionId': session, 'method': 'Page.handleJavaScriptDialog',
                           'params': {'accept': False}}
                os.write(self.write_fd, json.dumps(dismiss).encode() + b'\0')

    def wait_for(self, method):
        deadline = time.time() + PATIENCE
        while not any(event.get('method') == method for event in self.events):
            self.events.append(self.receive(deadline))

    def close(self):
        try:
            self.call('Browser.close')
            self.process.wait(10)
        except Exception:  # it may have gone by itself
            pass
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def look_at(browser, options):
    target = browser.call('Target.createTarget', url='about:blank')['targetId']
    session = browser.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']

    def call(method, **params):
        return browser.call(method, session, **params)

    for domain in 'Page', 'Runtime', 'Log', 'Network':
        call(domain + '.enable')
    if options.downloads:
        browser.call('Browser.setDownloadBehavior', behavior='allow', downloadPath=options.downloads)
    call('Emulation.setDeviceMetricsOverride', width=options.width, height=options.height, deviceScaleFactor=1,
         mobile=options.width < 600)
    call('Emulation.setEmulatedMedia',
         features=[{'name': 'prefers-color-scheme', 'value': 'dark' if options.dark else 'light'}])
    call('Page.navigate', url='file://' + os.path.abspath(options.page))
    browser.wait_for('Page.loadEventFired')
    values = []
    for expression in options.expression:
        answer = call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True,
                      userGesture=True)
        values.append(answer['result'].get('value', answer['result'].get('description')))
    if options.shot:
        size = call('Page.getLayoutMetrics')['cssContentSize']
        shot = call('Page.captureScreenshot', captureBeyondViewport=True,
                    clip={'x': 0, 'y': 0, 'width': options.width, 'height': min(size['height'], 9000), 'scale': 1})
        with open(options.shot, 'wb') as out:
            out.write(base64.b64decode(shot['data']))
    call('Runtime.evaluate', expression='new Promise(done => setTimeout(done, 200))', awaitPromise=True)
    return values


def summary(events, values):
    def of(method):
        return [event['params'] for event in events if event.get('method') == method]

    urls = [event['request']['url'] for event in of('Network.requestWillBeSent')]
    return {
        'values': values,
        'console': [[str(arg.get('value', arg.get('description'))) for arg in event['args']]
                    for event in of('Runtime.consoleAPICalled')],
        'exceptions': [event['exceptionDetails'].get('exception', {}).get('description') or
                       event['exceptionDetails']['text'] for event in of('Runtime.exceptionThrown')],
        'log': [event['entry']['text'] for event in of('Log.entryAdded')],
        'dialogs': [event['message'] for event in of('Page.javascriptDialogOpening')],
        'requests': [url[:200] for url in urls[1:] if not url.startswith(('data:', 'blob:'))],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--width', type=int, default=1280)
    parser.add_argument('--height', type=int, default=900)
    parser.add_argument('--dark', action='store_true')
    parser.add_argument('--shot')
    parser.add_argument('--downloads')
    parser.add_argument('page')
    parser.add_argument('expression', nargs='*')
    options = parser.parse_args()
    profile = tempfile.mkdtemp(prefix='vmtp-browser.')
    browser = Browser(profile)
    try:
        values = look_at(browser, options)
        json.dump(summary(browser.events, values), sys.stdout, indent=1)
        print()
    finally:
        browser.close()
        shutil.rmtree(profile, ignore_errors=True)


main()
