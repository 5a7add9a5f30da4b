"""Shared by the tests of the adapters: a question and documents; telemetry is off."""

from __future__ import annotations

import os

os.environ.update(HAYSTACK_TELEMETRY_ENABLED="False", LANGSMITH_TRACING="false", ANONYMIZED_TELEMETRY="False")

QUERY = "When does the ferry leave?"
FERRY = "Bread is baked in the town. The ferry leaves at seven. Water is wet."
BREAD = "Bread is baked in the town. It is eaten there."
SETTINGS = {"scorer": "bm25", "max_sentences": 1}
