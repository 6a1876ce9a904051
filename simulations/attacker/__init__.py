"""An attacker who knows a report and the program, and wants to know how few customers a hidden number stands for."""
