#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sctp_await.py DIR SECONDS GOAL...: waits until the events in DIR/sctphb.ndjson and DIR/sctppath.ndjson fulfil every GOAL.

A GOAL is "PAIR TYPE COUNT [CONDITION]...": that many events of the type from the pair's host (DIR/PAIR.netns), which have
all of the keys; a CONDITION is KEY, KEY=VALUE or KEY>NUMBER. After SECONDS the goals that were not met are named: exit 1.
"""
import json
import re
import sys
import time


class Goal:
    def __init__(self, folder, text):
        pair, self.type, count, *conditions = text.split()
        with open(f"{folder}/{pair}.netns") as file:
            self.netns = int(file.read())
        self.text, self.missing = text, int(count)
        self.conditions = [re.fullmatch(r"(\w+)(?:([=>])(.*))?", condition).groups() for condition in conditions]

    def take(self, event):
        if event.get("type") != self.type or event.get("netns") != self.netns:
            return
        for key, operator, value in self.conditions:
            found = event.get(key)
            if found is None or operator == "=" and str(found) != value or operator == ">" and found <= int(value):
                return
        self.missing -= 1


def complete_lines(file):
    while True:
        start = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(start)
            return
        yield line


def main():
    folder, seconds = sys.argv[1], float(sys.argv[2])
    goals = [Goal(folder, text) for text in sys.argv[3:]]
    files = [open(f"{folder}/{name}.ndjson") for name in ("sctphb", "sctppath")]
    deadline = time.monotonic() + seconds
    while goals:
        for file in files:
            for line in complete_lines(file):
                event = json.loads(line)
                for goal in goals:
                    goal.take(event)
        goals = [goal for goal in goals if goal.missing > 0]
        if goals and time.monotonic() > deadline:
            sys.exit("\n".join(f"not seen within {seconds:.0f} s: {goal.text} ({goal.missing} missing)" for goal in goals))
        time.sleep(0.1 if goals else 0)


main()
