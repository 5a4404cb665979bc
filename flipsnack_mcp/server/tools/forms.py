"""get_lead_form_sample: what people typed into a form is masked unless it was asked for."""

from flipsnack_mcp.api.actions.forms import GetLeadFormSample, LeadFormSample
from flipsnack_mcp.server.safety.masking import mask
from flipsnack_mcp.server.tools.tool import ToolCall


async def lead_form_sample(call: ToolCall, action: GetLeadFormSample) -> LeadFormSample:
    """A sample of a lead form's answer, personal data masked."""
    sample = await call.errand.send(action)
    return sample if call.options.reveal else LeadFormSample(fields=mask(sample.fields))
