"""Pages for people: the answers in a browser, served beside the API.

routes.py    all pages put together              render.py    templates, style, policy
overview.py  figures, first touches, drop-offs   forms.py     a form from an answer's parameters
explore.py   a page for each answer              tables.py    its rows as a table and as CSV
compare.py   a page for each comparison          asking.py    what an address asks
people.py    one person                          cypher.py    the same question for Neo4j Browser
sessions.py  who is signed in                    entry.py     signing in and out
"""
