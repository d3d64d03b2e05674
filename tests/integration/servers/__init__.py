"""Do the test servers themselves do what the other tests rely on?"""
