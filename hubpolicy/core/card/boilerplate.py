# SPDX-License-Identifier: Apache-2.0
"""Sentences that a template or a generator wrote: they count as no words of the author.

Sources: ``huggingface_hub/templates/modelcard_template.md`` (its hints too, which some authors
leave in outside their comments) and the cards that transformers' Trainer, diffusers and PEFT write.
"""

from __future__ import annotations

from hubpolicy.core.card.prose import phrase

# One sentence for each paragraph; line breaks, case and punctuation do not matter.
_SENTENCES = """
Users (both direct and downstream) should be made aware of the risks, biases and limitations of
the model.

More information needed for further recommendations.

for further recommendations.

Use the code below to get started with the model.

Carbon emissions can be estimated using the Machine Learning Impact calculator presented in
Lacoste et al. (2019).

This is the model card of a 🤗 transformers model that has been pushed on the Hub.

This model card has been automatically generated.

This modelcard aims to be a base template for new models.

It has been generated using this raw template.

Provide a quick summary of what the model is/does.

Provide a longer summary of what this model is.

Provide the basic links for the model.

Address questions around how the model is intended to be used, including the foreseeable users of
the model and those affected by the model.

This section is for the model use without fine-tuning or plugging into a larger ecosystem/app.

This section is for the model use when fine-tuned for a task, or when plugged into a larger
ecosystem/app

This section addresses misuse, malicious use, and uses that the model will not work well for.

This section is meant to convey both technical and sociotechnical limitations.

This section is meant to convey recommendations with respect to the bias, risk, and technical
limitations.

This should link to a Dataset Card, perhaps with a short stub of information on what the training
data is all about as well as documentation related to data pre-processing or additional filtering.

This relates heavily to the Technical Specifications. Content here should link to that section
when it is relevant to the training procedure.

This section provides information about throughput, start/end time, checkpoint size if relevant,
etc.

This section describes the evaluation protocols and provides the results.

This should link to a Dataset Card if possible.

These are the things the evaluation is disaggregating by, e.g., subpopulations or domains.

These are the evaluation metrics being used, ideally with a description of why.

Relevant interpretability work for the model goes here

Total emissions (in grams of CO2eq) and additional considerations, such as electricity usage, go
here. Edit the suggested text below accordingly

If there is a paper or blog post introducing the model, the APA and Bibtex information for that
should go in this section.

If relevant, include terms and calculations in this section that can help readers understand the
model or model card.

This model card has been generated automatically according to the information the Trainer had
access to. You should probably proofread and complete it, then remove this comment.

You should probably proofread and complete it, then remove this comment.

provide examples of latent issues and potential remediations

describe the data used to train the model
"""

BOILERPLATE = tuple(
    sorted({phrase(each) for each in _SENTENCES.split("\n\n")}, key=len, reverse=True)
)
"""Phrases as :func:`hubpolicy.core.card.prose.measure` takes them, longest first."""
