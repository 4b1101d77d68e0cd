"""Uses the Python client that was generated from the OpenAPI document: URL, KEY, TOKEN, PROJECT and INCIDENT are given."""

import os
from datetime import UTC, datetime

from sendpromptly_client import AuthenticatedClient
from sendpromptly_client.api.calls import post_receipt, post_receipts, post_result
from sendpromptly_client.api.incidents import acknowledge_incident, get_incident, list_incidents
from sendpromptly_client.api.projects import list_projects
from sendpromptly_client.models import (
    ErrorBody,
    Incident,
    ListedReceiptBody,
    ListIncidentsState,
    NoteBody,
    ReceiptBody,
    ReceiptResponse,
    ReceiptsBody,
    ReceiptsErrorBody,
    ResultBody,
    ResultBodyStatus,
    ResultResponse,
)

project, incident = os.environ["PROJECT"], os.environ["INCIDENT"]

with AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["KEY"]) as app:
    receipt = ReceiptBody(
        provider="stripe",
        provider_event_id="evt_2",
        event_type="invoice.paid",
        effect_type="credit_grant",
        internal_reference="user_456",
        occurred_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    )
    taken = post_receipt.sync(client=app, body=receipt, idempotency_key="receipt-evt_2")
    assert isinstance(taken, ReceiptResponse) and not taken.duplicate, taken

    result = ResultBody(event_id=taken.event_id, status=ResultBodyStatus.SUCCESS)
    applied = post_result.sync(client=app, body=result, idempotency_key="result-evt_2-success")
    assert isinstance(applied, ResultResponse) and applied.effect == "succeeded", applied

    listed = [
        ListedReceiptBody.from_dict({**receipt.to_dict(), **said})
        for said in ({"idempotency_key": "a"}, {"idempotency_key": "b", "effect_type": "credit_grand"})
    ]
    rejected = post_receipts.sync(client=app, body=ReceiptsBody(receipts=listed))
    assert isinstance(rejected, ReceiptsErrorBody), rejected
    assert [one.status for one in rejected.outcomes] == [202, 422], rejected

with AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["TOKEN"]) as client:
    assert [one.project_id for one in list_projects.sync(client=client).data] == [project]

    page = list_incidents.sync(project, client=client, state=ListIncidentsState.OPEN, limit=1)
    assert isinstance(page.data[0], Incident) and page.data[0].incident_id == incident, page
    assert page.data[0].opened_at.tzinfo is not None, "times have a zone"
    assert page.next_cursor is None, page

    acknowledged = acknowledge_incident.sync(project, incident, client=client, body=NoteBody(note="on it"))
    assert isinstance(acknowledged, Incident) and acknowledged.state == "acknowledged", acknowledged

    unknown = get_incident.sync(project, "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G", client=client)
    assert isinstance(unknown, ErrorBody) and unknown.error.code == "not_found", unknown
