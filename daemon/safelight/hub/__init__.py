"""Fetches files of model bundles over the network: the only part of the program that opens a connection to the outside.

It knows of addresses, files and bytes, and nothing of what a model is: sums are judged by whoever asked.
Invariant: nothing here runs unless a person asked for a download.
"""
