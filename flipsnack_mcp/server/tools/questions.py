"""Tools that only ask. Most send their action as it is; get_collection waits, and a form's sample is masked."""

from flipsnack_mcp.api import Action, ResultT_co
from flipsnack_mcp.api.actions import collections, forms
from flipsnack_mcp.server.safety.masking import mask
from flipsnack_mcp.server.tools.tool import NextStep, States, ToolCall


class WatchedCollection(collections.Collection):
    """A collection and how its conversion went."""

    states: States = []
    next_step: NextStep = None


async def send(call: ToolCall, action: Action[ResultT_co]) -> ResultT_co:
    """Carry out the action as it is: all that most tools do."""
    return await call.context.send(action)


async def recall(call: ToolCall, action: Action[ResultT_co]) -> ResultT_co:
    """Answer a question that is often asked twice."""
    return await call.app.recent.ask(call.context, action)


async def get_collection(call: ToolCall, action: collections.GetCollection) -> WatchedCollection:
    """Look at a collection, and wait while it converts."""
    wanted = action.collection_hash
    # Asked as the plain action, so that it shares its answer with everybody who looks at this collection.
    first = await recall(call, collections.GetCollection(collection_hash=wanted))
    watching = call.app.uploads.conversions.of(wanted, first)
    watched = await watching.until_settled(call.context, call.options.wait_seconds, first)
    go_on = f'Still converting. Call get_collection(collection_hash="{wanted}", wait_seconds=30) to wait on.'
    return WatchedCollection(
        **watched.last.model_dump(),
        states=list(watched.states),
        next_step=go_on if watched.last.conversion == "processing" else None,
    )


async def lead_form_sample(call: ToolCall, action: forms.GetLeadFormSample) -> forms.LeadFormSample:
    """A sample of a lead form's answer; what people typed is masked unless it was asked for."""
    sample = await send(call, action)
    return sample if call.options.reveal else forms.LeadFormSample(fields=mask(sample.fields))
