"""ctxzip inside other frameworks: one module each, for the classes that their users put between retriever and prompt."""
