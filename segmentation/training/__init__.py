"""The programs that train and judge the network that ships. Nothing at run time imports this folder."""
