"""The scenarios of the rehearsal, each a chapter of the tutorial, played with real API calls."""
