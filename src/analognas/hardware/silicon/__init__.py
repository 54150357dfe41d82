"""Published figures of analog chips, and the coefficients and errors of the component model that follow."""
