"""Programs that train the networks that ship. Nothing at run time imports this room."""
