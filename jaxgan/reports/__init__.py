"""Pages for people who look at runs: one HTML file that shows what the folders of runs hold."""
