"""Who is it, and what may they use? Sign-in, the session, and the gate before every route."""
