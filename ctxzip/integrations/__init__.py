"""Adapters for LangChain, LlamaIndex and Haystack: one module each, with the class for their retrieval pipelines."""
