"""Static files under names that carry their content's hash; browsers may keep them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage; imports inside our ES modules are rewritten to hashed names too."""

    support_js_module_import_aggregation = True
