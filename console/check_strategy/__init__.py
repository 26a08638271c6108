"""`tapedeck check-strategy`: would this strategy decide the same again, from the same inputs?"""
