"""The doors through which Gradus is extended; what it ships comes through them too."""

import pluggy

hookspec = pluggy.HookspecMarker("gradus")
hookimpl = pluggy.HookimplMarker("gradus")
