"""The scenes of the rehearsal, each a chapter of the tutorial, played with real API calls."""
