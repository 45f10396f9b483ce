"""The work that the studio's processes do: `process` takes jobs, `tasks` lists what they can be. `photos`, `regions`,
`solving`, `views` and `files` do them.
"""
