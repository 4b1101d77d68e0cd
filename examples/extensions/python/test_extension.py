"""The activities in the SDK's own environment, with the inputs and the schemas of the contract."""

import dataclasses
import json
import os
import tempfile
import unittest
from pathlib import Path

import jsonschema
from temporalio.converter import DataConverter
from temporalio.testing import ActivityEnvironment

import extension
import ledger

CONTRACT = Path(__file__).parents[3] / "docs/extensions/2026-12-01"
PAYMENT, CUSTOMER = "evt_1QExample", "user_456"


def document(name):
    return json.loads((CONTRACT / f"{name}.json").read_text())


async def read(data):
    """As a worker reads what came over the wire."""
    payloads = await DataConverter.default.encode([data])
    [call] = await DataConverter.default.decode(payloads, [extension.Call])
    return call


class ExtensionTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.environ["LEDGER"] = f"{folder.name}/ledger.sqlite"
        ledger.paid(PAYMENT, CUSTOMER, 500)

    async def ask(self, activity, example, **changes):
        environment = ActivityEnvironment()
        beats = []
        environment.on_heartbeat = lambda *details: beats.append(details)
        call = await read({**document(f"examples/input-{example}"), **changes})
        answer = environment.run(activity, call)
        jsonschema.validate(answer, document("probe-answer" if "settled" in answer else "reprocess-answer"))
        self.assertTrue(beats)
        return answer

    async def test_a_probe_says_what_the_ledger_says(self):
        for example in ("before-incident", "after-failure"):
            self.assertIs((await self.ask(extension.verify, example))["settled"], False)
            unknown = await self.ask(extension.verify, example, provider_event_id="evt_2")
            self.assertIsNone(unknown["settled"])
            other = await self.ask(extension.verify, example, internal_reference="user_457")
            self.assertIsNone(other["settled"], "another customer's payment says nothing")
        ledger.granted(PAYMENT, CUSTOMER)
        for example in ("before-incident", "after-failure"):
            found = await self.ask(extension.verify, example)
            self.assertIs(found["settled"], True)
            self.assertEqual((found["evidence"]["credits"], found["evidence"]["granted_by"]), (500, "webhook"))

    async def test_a_repair_grants_once_whoever_asks_again(self):
        first = await self.ask(extension.apply, "reprocess")
        self.assertEqual((first["outcome"], first["evidence"]["credits"]), ("applied", 500))
        again = await self.ask(extension.apply, "reprocess")
        next_call = await self.ask(extension.apply, "reprocess", call_id="cal_01K9QF3Z7M8V2T4B6N0C1D5E9H")
        self.assertEqual((again, next_call), (first, first))
        self.assertEqual(first["evidence"]["granted_by"], document("examples/input-reprocess")["call_id"])

    async def test_a_repair_declines_what_is_not_its_work(self):
        for changes in ({"provider_event_id": "evt_2"}, {"effect_type": "seat_update"}):
            self.assertEqual((await self.ask(extension.apply, "reprocess", **changes))["outcome"], "declined")
        self.assertIsNone(ledger.find(PAYMENT, CUSTOMER)["granted_at"])

    async def test_a_later_contract_with_other_fields_is_read(self):
        data = document("examples/input-before-incident")
        required = [field.name for field in dataclasses.fields(extension.Call) if field.default is dataclasses.MISSING]
        call = await read({"severity": "high", "nested": {"a": [1]}, **{name: data[name] for name in required}})
        self.assertEqual((call.provider_event_id, call.effect_type), (PAYMENT, None))


if __name__ == "__main__":
    unittest.main()
