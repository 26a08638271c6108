"""`tapedeck replay`: what was recorded goes through today's code, and every output is compared."""
